import { Fault } from '#contracts/fault';

/**
 * A command that changes nothing, or nothing that anybody will find when its answer is lost.
 *
 * @throws Fault `service.unavailable`
 */
export function harmless<Answer>(command: Promise<Answer>): Promise<Answer> {
  return command.catch((cause: unknown) => {
    throw new Fault('service.unavailable', { cause });
  });
}

/**
 * A command whose effect counts: when its answer is lost it may have been executed.
 *
 * @throws Fault `service.silent`
 */
export function decisive<Answer>(command: Promise<Answer>): Promise<Answer> {
  return command.catch((cause: unknown) => {
    throw new Fault('service.silent', { cause });
  });
}
