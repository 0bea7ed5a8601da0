// A page in headless Chromium, served as any web application is: from an origin of its own (RELAY_ORIGIN),
// which the relay's tenant allows. Rule: the page has what is served here and the relay, across origins;
// nothing else resolves.

import { X509Certificate, createHash } from 'node:crypto';
import { accessSync, constants, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { delimiter, extname, join } from 'node:path';

import { chromium } from 'playwright-core';

import { given } from '../node/program.mjs';

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript' };
/**
 * The first part of a path -> where it lies: the project's own beside this file, the packages in the
 * environment.
 */
const FOLDERS = {
  browser: import.meta.dirname,
  node: join(import.meta.dirname, '..', 'node'),
  node_modules: join(process.cwd(), 'node_modules'),
};
/** A page of a few dozen small modules is there in two seconds, on a machine with nothing else to do. */
const LOAD_MS = 20_000;

/**
 * Open the page. It gets *functions* (name -> function) and *answers* (path -> async function that gives the
 * body).
 */
export async function openPage({ functions = {}, answers = {} }) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://page'); // which resolves `..`
    const [, folder, ...rest] = pathname.split('/');
    try {
      const body = await (answers[pathname]?.() ?? readFile(join(FOLDERS[folder], ...rest)));
      response
        .writeHead(200, { 'Content-Type': TYPES[extname(pathname)] ?? 'application/octet-stream' })
        .end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

  const origin = new URL(given('RELAY_ORIGIN'));
  const here = `127.0.0.1:${server.address().port}`;
  const rules = `MAP ${origin.hostname} ${here}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1`;
  const browser = await chromium.launch({
    executablePath: onPath('chromium'),
    args: [
      '--no-sandbox', // root, as in most containers, has none
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-quic',
      `--ignore-certificate-errors-spki-list=${fingerprint(given('RELAY_CA'))}`,
      `--host-resolver-rules=${rules}`,
    ],
  });
  const page = await browser.newPage();
  page.setDefaultTimeout(LOAD_MS);
  page.on('pageerror', (error) => process.stderr.write(`${error.stack}\n`));
  for (const [name, call] of Object.entries(functions)) await page.exposeFunction(name, call);
  await page.goto(new URL('/browser/page.html', origin).href);
  await page.waitForFunction(() => window.begin !== undefined);
  return page;
}

/** What Chromium knows a certificate's key by: it reads no file of authorities. */
function fingerprint(path) {
  const { publicKey } = new X509Certificate(readFileSync(path));
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64');
}

function onPath(name) {
  for (const folder of given('PATH').split(delimiter)) {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return join(folder, name);
    } catch {
      // not in this one
    }
  }
  throw new Error(`${name} is not on the PATH`);
}
