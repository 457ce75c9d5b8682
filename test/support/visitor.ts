import { randomUUID } from 'node:crypto';
import type { Admin } from './admin.js';
import { Browser } from './browser.js';
import { type Answer, request } from './http.js';
import { Partner } from './partner.js';

const portal = 'https://portal.example.com';

/** A user with a cookie here and an access token at a portal elsewhere. */
export interface Visitor {
  readonly browser: Browser;
  readonly userId: string;
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** A partner whose users land at the portal. */
export function portalOf(admin: Admin): Promise<Partner> {
  return Partner.register(admin, { landingUrl: `${portal}/start` });
}

/** Somebody new follows a link to the portal. */
export async function visit(url: string, partner: Partner): Promise<Visitor> {
  const browser = new Browser(url);
  const landing = await browser.open(partner.link({ userId: `user-${randomUUID()}` }));
  const code = new URL(landing.headers['location'] ?? '').searchParams.get('code');
  const headers = { origin: portal };
  const claimed = await request(`${url}/v1/session/claim`, { method: 'POST', headers, body: { code } });
  const { accessToken, refreshToken, user } = claimed.json();
  return { browser, userId: user.userId, accessToken, refreshToken };
}

/** What a proxy in front of another service is told of a token. */
export function verify(gateway: string, accessToken: string): Promise<Answer> {
  return request(`${gateway}/v1/verify`, { headers: { authorization: `Bearer ${accessToken}` } });
}
