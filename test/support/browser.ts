import { type Answer, request, type Sent } from './http.js';

/** What a browser sends when somebody follows a link. */
const navigation = {
  accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  'sec-fetch-dest': 'document',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-site': 'cross-site',
  'upgrade-insecure-requests': '1',
};

type Fields = Readonly<Record<string, string>>;

/** What the form of a page sends. */
export function fieldsOf({ text }: Pick<Answer, 'text'>): Fields {
  const inputs = text.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g);
  return Object.fromEntries(Array.from(inputs, ([, name = '', value = '']) => [name, unescaped(value)]));
}

function unescaped(text: string): string {
  return text.replace(
    /&(amp|lt|gt|quot|#39);/g,
    (_, name: string) => ({ amp: '&', lt: '<', gt: '>', quot: '"' })[name] ?? "'",
  );
}

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

  /** Sends a form: one of our own pages, or one of another site, which a browser sends without our Lax cookie. */
  submit(target: string, fields: Fields, site: 'same-origin' | 'cross-site' = 'same-origin'): Promise<Answer> {
    const lax = site === 'cross-site' ? { cookie: '' } : {};
    return this.open(target, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': site, origin: 'null', ...lax },
      body: new URLSearchParams(fields).toString(),
    });
  }

  /** Presses the button of the only form of a page. */
  press(page: Answer): Promise<Answer> {
    const [, action = ''] = /<form method="post" action="([^"]+)">/.exec(page.text) ?? [];
    return this.submit(action, fieldsOf(page));
  }

  #keep(cookie: string): void {
    const [pair = '', ...attributes] = cookie.split('; ');
    const [name = '', value = ''] = pair.split(/=(.*)/s);
    if (attributes.includes('Max-Age=0')) this.#cookies.delete(name);
    else this.#cookies.set(name, value);
  }
}
