// What a client has received, one event after the other, for a program that reads on from where it is.
// Rule: nothing of Node's and nothing of a browser's: pages load this file as it is.

// A turn of the simulator takes milliseconds, a reconnect half a second; what takes this long will not come.
const PATIENCE_MS = 15_000;

export class Inbox {
  #events = [];
  #ended = null;
  #wake = () => {};

  push(event) {
    this.#events.push(event);
    this.#wake();
  }

  /** Say that nothing more will come, and why. */
  end(reason) {
    this.#ended ??= reason;
    this.#wake();
  }

  /** The next event. Throws where the connection has ended, or nothing comes. */
  async next() {
    const deadline = Date.now() + PATIENCE_MS;
    while (this.#events.length === 0) {
      if (this.#ended !== null) throw new Error(`the connection has ended: ${this.#ended}`);
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`nothing came in ${PATIENCE_MS / 1000} s`);
      await this.#something(left);
    }
    return this.#events.shift();
  }

  /**
   * All events up to the next one of *type*, which is the last of them. An `error` event in between is thrown.
   */
  async until(type) {
    const seen = [];
    for (;;) {
      const event = await this.next();
      seen.push(event);
      if (event.type === type) return seen;
      if (event.type === 'error') throw new Error(`an error event: ${JSON.stringify(event.error)}`);
    }
  }

  #something(atMost) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, atMost);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
