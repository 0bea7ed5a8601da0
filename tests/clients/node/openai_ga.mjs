// npm `openai`: `openai/realtime/ws`. With the argument `recovers`, the class reconnects by itself.

import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';

import { GA } from './dialects.mjs';
import { lineOf } from './official.mjs';
import { closeAll, relay, run, speech } from './program.mjs';
import { stepsOver } from './steps.mjs';

function open(apiKey, options) {
  const client = new OpenAI({ baseURL: relay.url, apiKey });
  return lineOf(new OpenAIRealtimeWS({ model: relay.model, ...options }, client), options);
}

await run(stepsOver(open, GA, { relay, speech, closeAll, recovers: process.argv.includes('recovers') }));
