import { freePort, isFree } from './ports.mjs';
import { Refusal } from './refusal.mjs';

const TRIES = 100;

/**
 * Where the gateway listens: for the world (PORT, 8080) and for its operator (OPS_PORT, 9080). A port the environment
 * names must be free; a default that is taken gives way to the next free one.
 * @returns {Promise<{ port: number, opsPort: number, notes: string[] }>} `notes` tell which default gave way
 */
export async function gatewayPorts() {
  const port = await choose('PORT', 8080);
  const opsPort = await choose('OPS_PORT', 9080);
  return { port: port.chosen, opsPort: opsPort.chosen, notes: [port.note, opsPort.note].filter(Boolean) };
}

async function choose(name, preferred) {
  const host = process.env.HOST || '127.0.0.1';
  if (process.env[name]) return { chosen: await exactly(name, process.env[name], host) };
  for (let chosen = preferred; chosen < preferred + TRIES; chosen += 1) {
    if (!(await isFree(chosen, host))) continue;
    return chosen === preferred ? { chosen } : { chosen, note: `Port ${preferred} is taken, so ${name} is ${chosen}.` };
  }
  throw new Refusal(
    `The ports ${preferred} to ${preferred + TRIES - 1} are all taken: choose a free one with ${name}=…`,
  );
}

async function exactly(name, given, host) {
  const port = Number(given);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Refusal(`${name}=${given} is not a port number.`);
  if (port === 0) return freePort();
  if (await isFree(port, host)) return port;
  throw new Refusal(`${name}=${port} is taken by another program: stop that one or choose another ${name}.`);
}
