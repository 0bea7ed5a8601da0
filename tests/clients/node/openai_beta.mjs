// npm `openai`: `openai/beta/realtime/ws`, which sends `OpenAI-Beta: realtime=v1`.

import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/beta/realtime/ws';

import { BETA } from './dialects.mjs';
import { lineOf } from './official.mjs';
import { closeAll, relay, run, speech } from './program.mjs';
import { stepsOver } from './steps.mjs';

function open(apiKey, options) {
  const client = new OpenAI({ baseURL: relay.url, apiKey });
  return lineOf(new OpenAIRealtimeWS({ model: relay.model }, client), options);
}

await run(stepsOver(open, BETA, { relay, speech, closeAll }));
