// Runs a code block of the docs as a module of the page: `node snippet.mjs FILE`. It has worked when it logs
// something, which is printed; it has failed when the page has an error, or logs nothing in time.

import { readFile } from 'node:fs/promises';

import { relay } from '../node/program.mjs';
import { openPage } from './chromium.mjs';

const PATIENCE_MS = 20_000;

/** What the page's own server does for it: mint a client secret with the key. */
async function secret() {
  const answer = await fetch(`${relay.url}/realtime/client_secrets`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${relay.key}`, 'Content-Type': 'application/json' },
    body: '{}',
  });
  return (await answer.json()).value;
}

const page = await openPage({
  answers: { '/secret': secret, '/snippet.mjs': () => readFile(process.argv[2]) },
});
const ended = new Promise((resolve, reject) => {
  page.on('console', (message) => {
    if (message.type() === 'log') resolve(message.text());
    else reject(new Error(message.text()));
  });
  page.on('pageerror', reject);
  setTimeout(() => reject(new Error('nothing was logged')), PATIENCE_MS);
});
// A module's own failure is an error of the page; what it gives back is nothing.
await page.addScriptTag({ type: 'module', url: '/snippet.mjs' });
process.stdout.write(`${await ended}\n`);
process.exit(0);
