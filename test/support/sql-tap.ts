import { connect, createServer, type Server, type Socket } from 'node:net';

/** A wire-tap between services and Postgres: what is asked passes unchanged and is noted, until the line is cut. */
export interface SqlTap {
  /** The database by way of the tap. */
  readonly url: string;
  /** The round trips since the last `clear`: names of statements, or the text where there is no name. */
  readonly asked: string[];
  clear(): void;
  /** Every connection breaks, and new ones are refused, until `mend`. */
  cut(): void;
  mend(): void;
  close(): Promise<void>;
}

export async function tapSql(databaseUrl: string): Promise<SqlTap> {
  const target = new URL(databaseUrl);
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  let whole = true;
  const server = createServer((client) => {
    if (!whole) {
      client.destroy();
      return;
    }
    const upstream = connect(Number(target.port), target.hostname);
    const read = frontendMessages((type, body) => {
      const note = noteOf(type, body);
      if (note !== null) asked.push(note);
    });
    client.on('data', read);
    client.pipe(upstream).pipe(client);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  const breakAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: Object.assign(new URL(databaseUrl), { port: String(portOf(server)) }).href,
    asked,
    clear: () => asked.splice(0),
    cut: () => {
      whole = false;
      breakAll();
    },
    mend: () => {
      whole = true;
    },
    close: async () => {
      breakAll();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** One note a round trip: the extended protocol binds a statement, the simple one sends its text. */
function noteOf(type: string, body: Buffer): string | null {
  if (type === 'Q') return untilNul(body, 0);
  if (type === 'B') return untilNul(body, body.indexOf(0) + 1) || '(unnamed)';
  return null;
}

const untilNul = (body: Buffer, start: number) => body.toString('utf8', start, body.indexOf(0, start));

/** Cuts what a client sends into messages (PostgreSQL documentation, "Message Formats"); the first has no type. */
function frontendMessages(on: (type: string, body: Buffer) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  let started = false;
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const head = started ? 1 : 0;
      if (rest.length < head + 4) return;
      const end = head + rest.readInt32BE(head);
      if (rest.length < end) return;
      if (started) on(String.fromCharCode(rest.readUInt8(0)), rest.subarray(head + 4, end));
      started = true;
      rest = rest.subarray(end);
    }
  };
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the tap does not listen');
  return address.port;
}
