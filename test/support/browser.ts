import { type Answer, request, type Sent } from './http.js';

/** What a browser sends when somebody follows a link. */
const navigation = {
  accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  'sec-fetch-dest': 'document',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-site': 'cross-site',
  'upgrade-insecure-requests': '1',
};

/** Somebody's browser: it navigates, and it keeps cookies. */
export class Browser {
  readonly #cookies = new Map<string, string>();

  constructor(private readonly origin: string) {}

  get cookie(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  /** Opens a path or URL; redirects are shown, not followed. */
  async open(target: string, { headers = {}, ...sent }: Sent = {}): Promise<Answer> {
    const cookies = this.#cookies.size > 0 ? { cookie: this.cookie } : {};
    const answer = await request(new URL(target, this.origin).href, {
      ...sent,
      headers: { ...navigation, ...cookies, ...headers },
    });
    for (const cookie of answer.cookies) this.#keep(cookie);
    return answer;
  }

  #keep(cookie: string): void {
    const [pair = '', ...attributes] = cookie.split('; ');
    const [name = '', value = ''] = pair.split(/=(.*)/s);
    if (attributes.includes('Max-Age=0')) this.#cookies.delete(name);
    else this.#cookies.set(name, value);
  }
}
