import { open } from './connection.mjs';

const everyMs = 10;
/** Connections for each flow: at a modest rate a few are idle at any time. */
const lanes = 8;

/** Loads a system at a rate, all flows in turn, whatever it takes: an operation no connection is free for is counted as late. */
export class Pace {
  done = 0;
  late = 0;
  errors = [];
  #idle;
  #timer;

  /** @param {{ port: number, env: object, flows: Record<string, { connect: Function }>, rate: number }} options */
  constructor({ port, env, flows, rate }) {
    const names = Object.keys(flows);
    this.#idle = new Map(
      names.map((name) => [
        name,
        Array.from({ length: lanes }, (_, index) => this.#lane(port, name, flows[name].connect(env, index))),
      ]),
    );
    const began = performance.now();
    let begun = 0;
    this.#timer = setInterval(() => {
      for (const due = ((performance.now() - began) / 1000) * rate; begun < due; begun++) {
        const lane = this.#idle.get(names[begun % names.length]).pop();
        if (lane) lane.socket.write(lane.loop.next());
        else this.late++;
      }
    }, everyMs);
  }

  stop() {
    clearInterval(this.#timer);
  }

  #lane(port, name, loop) {
    const lane = { loop, socket: undefined };
    const rest = () => this.#idle.get(name).push(lane);
    const onReply = (status, head, body) => {
      try {
        if (!loop.on(status, head, body)) return void lane.socket.write(loop.next());
        this.done++;
      } catch (error) {
        this.errors.push(`${name}, ${error.message}: ${status} ${body.slice(0, 200)}`);
      }
      rest();
    };
    lane.socket = open(port, onReply, ({ message }) => this.errors.push(`${name}: ${message}`));
    return lane;
  }
}
