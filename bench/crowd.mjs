import { setTimeout as sleep } from 'node:timers/promises';
import { open } from './connection.mjs';

/** How long those may take who have begun when the time is up. */
const graceMs = 3_000;
const mostErrors = 100;

/**
 * Connections that each repeat a flow, one operation after the other. A flow's loop has `next()`, the next request,
 * `on(status, head, body)`, which answers whether that reply ended an operation, or throws when it is wrong, and where it
 * needs something before it can begin, `ready()`: whether it has it.
 */
export class Crowd {
  errors = [];
  #members;

  /** @param {{ port: number, connections: number, connect: (index: number) => object }} options */
  constructor({ port, connections, connect }) {
    this.#members = Array.from({ length: connections }, (_, index) => this.#member(port, connect(index)));
  }

  /** Everybody gets what the flow needs first, such as a token to refresh. */
  async prepare() {
    await this.#all({ goesOn: (member) => !isReady(member), isWhole: (member) => isReady(member), count: () => {} });
  }

  /**
   * Runs for so many milliseconds, or until nobody is ready any more; who has begun ends.
   * @returns {Promise<{ latencies: number[], seconds: number }>}
   */
  async run(ms) {
    const latencies = [];
    const began = performance.now();
    let ended = began;
    const count = ({ since }) => {
      ended = performance.now();
      latencies.push(ended - since);
    };
    const goesOn = (member) => isReady(member) && performance.now() - began < ms;
    await this.#all({ goesOn, isWhole: (_member, isEnd) => isEnd, count }, ms + graceMs);
    return { latencies, seconds: (ended - began) / 1000 };
  }

  async #all(phase, ms = 60_000) {
    const all = this.#members.map((member) => {
      member.phase = phase;
      return new Promise((rest) => {
        member.rest = rest;
        begin(member);
      });
    });
    await Promise.race([Promise.all(all), sleep(ms, undefined, { ref: false })]);
  }

  #member(port, loop) {
    const member = { loop, since: 0, isGone: false, phase: undefined, rest: () => {}, socket: undefined };
    const fail = (problem) => {
      this.errors.push(problem);
      return this.errors.length < mostErrors;
    };
    const onReply = (status, head, body) => {
      try {
        if (!member.phase.isWhole(member, loop.on(status, head, body))) return void member.socket.write(loop.next());
        member.phase.count(member);
        begin(member);
      } catch (error) {
        if (fail(`${error.message}: ${status} ${body.slice(0, 200)}`)) begin(member);
        else member.rest();
      }
    };
    member.socket = open(port, onReply, ({ message }) => {
      fail(message);
      member.isGone = true;
      member.rest();
    });
    return member;
  }
}

const isReady = ({ loop }) => loop.ready?.() ?? true;

function begin(member) {
  if (member.isGone || !member.phase.goesOn(member)) return member.rest();
  member.since = performance.now();
  member.socket.write(member.loop.next());
}
