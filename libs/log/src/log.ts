import type { LoggerService } from '@nestjs/common';
import { type Level, type LevelWithSilent, type Logger, pino, stdTimeFunctions } from 'pino';
import { currentCall, traceId } from '#bus/call';
import { printable, withoutCredentials } from './redact.js';

/** What a line says besides its message; names of the log's vocabulary (`err`, `verb`, `clientId`), never a secret. */
export type LogFields = Readonly<Record<string, unknown>>;

export interface LogOptions {
  /** Which process writes, e.g. `session`. */
  readonly service: string;
  /** The least severe level that is written. */
  readonly level: LevelWithSilent;
  /** Where finished lines go; stdout unless a test listens. */
  readonly write?: (line: string) => void;
}

/** The process's log: one JSON object a line, with the trace id of the call it belongs to. */
export class Log {
  constructor(private readonly lines: Logger) {}

  /** Whether lines of a level are written: what costs something to say need not be made otherwise. */
  shows(level: Level): boolean {
    return this.lines.isLevelEnabled(level);
  }

  debug(message: string, fields: LogFields = {}): void {
    this.lines.debug(fields, message);
  }

  info(message: string, fields: LogFields = {}): void {
    this.lines.info(fields, message);
  }

  warn(message: string, fields: LogFields = {}): void {
    this.lines.warn(fields, message);
  }

  error(message: string, fields: LogFields = {}): void {
    this.lines.error(fields, message);
  }

  /** For Nest's `logger` option: its lines become ours. Its start-up chatter is of level debug. */
  forNest(): LoggerService {
    const at =
      (level: Level) =>
      (message: unknown, ...rest: unknown[]) => {
        // Nest appends the context; what stands before it is a stack.
        const texts = rest.filter((part) => typeof part === 'string');
        const context = texts.pop();
        const failure = [message, ...rest].find((part) => part instanceof Error);
        const fields = { context, stack: texts[0], err: failure };
        this.lines[level](fields, failure?.message ?? String(message));
      };
    return {
      verbose: at('trace'),
      debug: at('debug'),
      log: at('debug'),
      warn: at('warn'),
      error: at('error'),
      fatal: at('fatal'),
    };
  }
}

/**
 * The log of a process, as JSON lines on stdout. Fields named like a secret are withheld at any depth, errors show type,
 * message, code, stack and cause only (drivers hang parameters on theirs), and whatever still looks like a credential
 * of ours is cut from the finished line.
 */
export function createLog({ service, level, write = toStdout() }: LogOptions): Log {
  const options = {
    level,
    base: { service },
    timestamp: stdTimeFunctions.isoTime,
    mixin: () => {
      const call = currentCall();
      return call ? { trace: traceId(call) } : {};
    },
    // pino's own serializer copies every property of an error; `printable` shows errors too.
    serializers: { err: (error: unknown) => error },
    formatters: {
      level: (label: string) => ({ level: label }),
      log: (fields: object) => printable(fields) as Record<string, unknown>,
    },
  };
  return new Log(pino(options, { write: (line: string) => write(withoutCredentials(line)) }));
}

/** Lines of one turn of the event loop, written at once: each write is a system call, and there is a line a request. */
let unwritten = '';
let stdout: ReturnType<typeof pino.destination> | undefined;

function toStdout(): (line: string) => void {
  if (!stdout) {
    stdout = pino.destination({ dest: 1, sync: true });
    process.on('exit', flush);
  }
  return (line) => {
    if (unwritten === '') setImmediate(flush);
    unwritten += line;
    // After an error there may be no next turn.
    if (line.startsWith('{"level":"error"') || line.startsWith('{"level":"fatal"')) flush();
  };
}

function flush(): void {
  const lines = unwritten;
  unwritten = '';
  if (lines !== '') stdout?.write(lines);
}
