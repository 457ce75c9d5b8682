import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, request, type Sent } from './http.js';
import type { Stack } from './stack.js';

/** Whoever holds the admin key. */
export class Admin {
  readonly url: string;
  readonly #key: string;

  constructor({ url, adminKey }: Pick<Stack, 'url' | 'adminKey'>) {
    this.url = url;
    this.#key = adminKey;
  }

  /** One request with the key, whatever its answer. */
  send(method: string, path: string, { headers = {}, ...sent }: Sent = {}): Promise<Answer> {
    const authorization = `Bearer ${this.#key}`;
    return request(`${this.url}/v1/admin/${path}`, { method, headers: { authorization, ...headers }, ...sent });
  }

  // biome-ignore lint/suspicious/noExplicitAny: a spec says itself what it expects of a body
  async get(path: string): Promise<any> {
    return expected(await this.send('GET', path), 200).json();
  }

  // biome-ignore lint/suspicious/noExplicitAny: as above
  async post(path: string, body?: object): Promise<any> {
    return expected(await this.send('POST', path, body === undefined ? {} : { body }), 201).json();
  }

  // biome-ignore lint/suspicious/noExplicitAny: as above
  async patch(path: string, body: object): Promise<any> {
    return expected(await this.send('PATCH', path, { body }), 200).json();
  }

  async delete(path: string): Promise<void> {
    expected(await this.send('DELETE', path), 204);
  }

  /** The audit entries a query finds, as soon as there is one: facts arrive a moment after the answer. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  async audit(query: Readonly<Record<string, string>>, atLeast = 1): Promise<any[]> {
    const until = Date.now() + 10_000;
    for (;;) {
      const { items } = await this.get(`audit?${new URLSearchParams(query)}`);
      if (items.length >= atLeast) return items;
      if (Date.now() > until)
        throw new Error(`the audit trail has ${items.length} of ${atLeast} entries for ${JSON.stringify(query)}`);
      await sleep(50);
    }
  }
}

function expected(answer: Answer, status: number): Answer {
  if (answer.status !== status) throw new Error(`expected ${status}, got ${answer.status}: ${answer.text}`);
  return answer;
}
