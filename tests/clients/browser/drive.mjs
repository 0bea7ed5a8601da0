// Runs the steps in a page. The argument names the client, one of `CLIENTS` in `page.mjs`.

import { closeAll, given, relay, run, speech } from '../node/program.mjs';
import { openPage } from './chromium.mjs';

const page = await openPage({ functions: { closeAll } });
page.on('console', (message) => process.stderr.write(`${message.text()}\n`));
await page.evaluate((facts) => window.begin(facts), { client: process.argv[2], relay, speech });

async function inPage(step) {
  try {
    return await page.evaluate((wanted) => window.steps[wanted](), step);
  } catch (error) {
    const [first] = error.message.split('\n'); // a stack of the page's own follows
    throw new Error(first.replace('page.evaluate: Error: ', ''));
  }
}

await run(
  Object.fromEntries(
    given('STEPS')
      .split(',')
      .map((step) => [step, () => inPage(step)]),
  ),
);
