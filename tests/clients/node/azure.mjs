// npm `openai`: `OpenAIRealtimeWS.azure()`. The dialect is the first argument: `ga` (openai 7 dials
// `/openai/v1/realtime`) or `beta` (openai 6 dials the preview path,
// `/openai/realtime?api-version=&deployment=`).

import { AzureOpenAI } from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';

import { BETA, GA } from './dialects.mjs';
import { lineOf } from './official.mjs';
import { closeAll, relay, run, speech } from './program.mjs';
import { stepsOver } from './steps.mjs';

const dialect = { ga: GA, beta: BETA }[process.argv[2]];

async function open(apiKey, options) {
  const client = new AzureOpenAI({
    endpoint: new URL(relay.url).origin,
    apiKey,
    apiVersion: '2025-04-01-preview',
    deployment: relay.model,
  });
  return lineOf(await OpenAIRealtimeWS.azure(client, options), options);
}

await run(stepsOver(open, dialect, { relay, speech, closeAll, recovers: process.argv.includes('recovers') }));
