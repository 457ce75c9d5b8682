import { Agent, request as open } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Each `Set-Cookie` by itself. */
  readonly cookies: readonly string[];
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: a spec says itself what it expects of a body
  json(): any;
}

export interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** An object goes as JSON. */
  readonly body?: string | Buffer | object;
}

const agent = new Agent({ keepAlive: true, maxSockets: 200 });

/** One request exactly as given: no redirect followed, no header added that a client could be told by. */
export function request(url: string, { method = 'GET', headers = {}, body }: Sent = {}): Promise<Answer> {
  const isJson = body !== undefined && typeof body !== 'string' && !Buffer.isBuffer(body);
  const payload = isJson ? JSON.stringify(body) : body;
  const fields: Record<string, string | string[]> = {
    ...(isJson && { 'content-type': 'application/json' }),
    ...(payload !== undefined && { 'content-length': String(Buffer.byteLength(payload as string)) }),
  };
  for (const [name, value] of Object.entries(headers)) fields[name] = typeof value === 'string' ? value : [...value];

  return new Promise((resolve, reject) => {
    const sent = open(url, { method, headers: fields, agent, timeout: 15_000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const { 'set-cookie': cookies = [], ...rest } = response.headers;
        resolve({
          status: response.statusCode ?? 0,
          headers: Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, String(value)])),
          cookies,
          text,
          json: () => JSON.parse(text),
        });
      });
    });
    sent.on('timeout', () => sent.destroy(new Error(`${method} ${url} was not answered`)));
    sent.on('error', reject);
    sent.end(payload);
  });
}
