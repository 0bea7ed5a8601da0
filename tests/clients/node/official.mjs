// The steps of every class called OpenAIRealtimeWS or OpenAIRealtimeWebSocket: they differ in how one is opened
// and in what they can do after a close. Rule: nothing of Node's and nothing of a browser's: pages load this
// file as it is.

import { Inbox } from './inbox.mjs';

/** *rt*, an open one of these classes, as a line. *options* are those that it was opened with. */
export function lineOf(rt, { reconnect = false }) {
  const inbox = new Inbox();
  rt.on('event', (event) => inbox.push(event));
  rt.on('error', (error) => {
    // What has an `error` came as an event, too. A page is told nothing of a failed socket but its close.
    if (error.error === undefined && error.message !== 'unknown error') inbox.end(error.message);
  });
  const closed = new Promise((resolve) => {
    // `ws` tells the code itself, a browser an event that holds it.
    const tell = (close) => resolve(typeof close === 'number' ? close : close.code);
    if (rt.socket.on) rt.socket.on('close', tell);
    else rt.socket.addEventListener('close', tell);
  });
  if (!reconnect) closed.then((code) => inbox.end(`closed with ${code}`));
  const dropped = new Promise((resolve) => {
    rt.on('reconnecting', ({ closeCode }) => resolve(closeCode));
  });
  return { inbox, closed, dropped, send: (event) => rt.send(event), close: () => rt.close() };
}
