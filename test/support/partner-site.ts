import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A web site of a partner: another site than the gateway's, as browsers see it. */
export interface PartnerSite {
  readonly origin: string;
  /** Puts a page at a path. */
  show(path: string, body: string): string;
  close(): Promise<void>;
}

/** `localhost` and `127.0.0.1` are two sites, and both are trustworthy enough for what browsers keep from plain http. */
export async function openPartnerSite(): Promise<PartnerSite> {
  const pages = new Map<string, string>();
  const server = createServer((request, response) => {
    const page = pages.get(new URL(request.url ?? '', 'http://localhost').pathname);
    response.writeHead(page ? 200 : 404, { 'content-type': 'text/html; charset=utf-8' }).end(page);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    show: (path, body) => {
      pages.set(path, `<!doctype html><html lang="en"><title>Partner</title>${body}`);
      return origin + path;
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** A form that a script sends as soon as it is there. */
export function formOf(action: string, fields: Readonly<Record<string, string>>): string {
  const inputs = Object.entries(fields).map(([name, value]) => `<input type="hidden" name="${name}" value="${value}">`);
  return `<form method="post" action="${action}">${inputs.join('')}<button>Go</button></form>`;
}

/** A page that claims the code of its landing, as a partner's own script would. */
export const claiming = (gateway: string) => `<output>waiting</output><script type="module">
const code = new URLSearchParams(location.search).get('code');
const answer = await fetch('${gateway}/v1/session/claim', {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ code }),
});
const pair = await answer.json();
const session = await fetch('${gateway}/v1/session', { headers: { authorization: 'Bearer ' + pair.accessToken } });
document.querySelector('output').textContent = 'signed in as ' + (await session.json()).user.username;
</script>`;
