import { open } from './connection.mjs';

const everyMs = 10;
/** Connections for each flow: at a modest rate most are idle at any time. */
const lanes = 8;

/**
 * Loads a system at a rate, all flows in turn, however long the answers take: an operation for which no connection is free
 * counts as late. A connection that the server has closed while it was idle is opened again.
 */
export class Pace {
  done = 0;
  late = 0;
  errors = [];
  #port;
  #idle;
  #timer;

  /** @param {{ port: number, env: object, flows: Record<string, { connect: Function }>, rate: number }} options */
  constructor({ port, env, flows, rate }) {
    this.#port = port;
    const laneOf = (name) => (_, index) => ({
      name,
      loop: flows[name].connect(env, index),
      isBusy: false,
      socket: null,
    });
    const names = Object.keys(flows);
    this.#idle = new Map(names.map((name) => [name, Array.from({ length: lanes }, laneOf(name))]));

    const began = performance.now();
    let begun = 0;
    this.#timer = setInterval(() => {
      for (const due = ((performance.now() - began) / 1000) * rate; begun < due; begun++) {
        // The one that has been idle the longest.
        const lane = this.#idle.get(names[begun % names.length]).shift();
        if (lane) this.#begin(lane);
        else this.late++;
      }
    }, everyMs);
  }

  stop() {
    clearInterval(this.#timer);
  }

  #begin(lane) {
    lane.isBusy = true;
    lane.socket ??= open(
      this.#port,
      (status, head, body) => this.#onReply(lane, status, head, body),
      ({ message }) => {
        lane.socket = null;
        if (lane.isBusy) this.#end(lane, message);
      },
    );
    lane.socket.write(lane.loop.next());
  }

  #onReply(lane, status, head, body) {
    // What nobody asked for is a server's farewell.
    if (!lane.isBusy) return;
    try {
      if (lane.loop.on(status, head, body)) this.#end(lane);
      else lane.socket.write(lane.loop.next());
    } catch (error) {
      this.#end(lane, `${error.message}: ${status} ${body.slice(0, 200)}`);
    }
  }

  #end(lane, problem) {
    if (problem) this.errors.push(`${lane.name}, ${problem}`);
    else this.done++;
    lane.isBusy = false;
    this.#idle.get(lane.name).push(lane);
  }
}
