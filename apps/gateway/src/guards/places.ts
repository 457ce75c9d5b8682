import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Bus } from '#bus/bus';
import { FactFeed } from '#bus/feed';
import { client } from '#contracts/client';
import { Fault } from '#contracts/fault';
import { clientId } from '#contracts/ids';
import { webOrigin, webOrigins } from '#contracts/settings';
import { Addresses } from '../http/address.js';
import { Denials } from '../http/denials.js';
import { hostsOf } from '../http/hosts.js';
import { foreignOrigin } from '../http/same-origin.js';
import { routeOf } from '../http/throttle.guard.js';
import { Briefly } from './briefly.js';
import { ClientSettings, changesOfClients } from './client-settings.js';
import { Issuer } from './issuer.js';

const lifeMs = 3_000;
const all = 'all';
const host = /^[a-z0-9.-]+(:\d{1,5})?$/;

/** Where clients are at home: the hosts they list, and the origins of their pages. What is known is three seconds old at most. */
@Injectable()
export class Places {
  readonly #ours: ReadonlySet<string>;
  readonly #hosts: Briefly<readonly string[]>;
  readonly #origins: Briefly<readonly string[]>;
  readonly #only: Briefly<string | null>;

  constructor(
    bus: Bus,
    feed: FactFeed,
    private readonly settings: ClientSettings,
    private readonly issuer: Issuer,
    private readonly addresses: Addresses,
    private readonly denials: Denials,
  ) {
    this.#ours = hostsOf(issuer.url);
    this.#hosts = new Briefly(lifeMs, async (host) => (await bus.ask(client.listing, { host })).clientIds);
    this.#origins = new Briefly(lifeMs, async (origin) => (await bus.ask(client.listing, { origin })).clientIds);
    this.#only = new Briefly(lifeMs, async () => {
      const [first, ...more] = (await bus.ask(client.list, { limit: 2 })).items;
      return first && more.length === 0 ? first.clientId : null;
    });
    const forget = () => {
      this.#only.forgetAll();
      this.#hosts.forgetAll();
      this.#origins.forgetAll();
    };
    feed.listen({ types: changesOfClients, fact: forget, interrupted: forget });
  }

  /** Whether any active client is reached at a `Host`. */
  async knowsHost(named: string): Promise<boolean> {
    return (await this.#whoseHost(named)).length > 0;
  }

  /** Whether any active client has pages of a web origin; `null` never is one (S-106). */
  async knowsOrigin(origin: string): Promise<boolean> {
    return webOrigin.safeParse(origin).success && (await this.#origins.get(origin)).length > 0;
  }

  /**
   * The client a request is for that brings no credential which would name it: the one it names by `X-Client-Id`, else
   * the one that lists its host, else the only one there is; `null` where that leaves a choice.
   */
  async clientAt({ headers }: Pick<FastifyRequest, 'headers'>): Promise<string | null> {
    const named = headers['x-client-id'];
    if (named !== undefined) return clientId.safeParse(named).data ?? null;
    const whose = await this.#whoseHost(headers.host ?? '');
    if (whose.length > 0) return whose.length === 1 ? (whose[0] ?? null) : null;
    return this.#only.get(all);
  }

  /**
   * Lets a request act for a client: not where it names another one, not at a host that only others list (S-98), and not
   * from a page of an origin that is not the client's (S-106). Ask before anything is consumed.
   *
   * @throws Fault `origin.refused`
   */
  async admit(request: FastifyRequest, clientId: string): Promise<void> {
    if (this.admits(request, clientId)) return;
    const origin = foreignOrigin(request.headers, this.issuer.url);
    const [isForeignHost, settings] = await Promise.all([
      this.isForeignHost(request, clientId),
      origin === null ? null : this.settings.find(clientId),
    ]);
    const named = request.headers['x-client-id'] ?? clientId;
    if (named !== clientId) throw this.refusal(request, clientId, 'client.foreign');
    if (isForeignHost) throw this.refusal(request, clientId, 'host.foreign');
    if (origin !== null && !(settings && webOrigins(settings).includes(origin)))
      throw this.refusal(request, clientId, 'origin.foreign');
  }

  /** Whether a request is surely let through, by what is here; `false` says nothing. */
  admits({ headers }: Pick<FastifyRequest, 'headers'>, clientId: string): boolean {
    if (foreignOrigin(headers, this.issuer.url) !== null) return false;
    if ((headers['x-client-id'] ?? clientId) !== clientId) return false;
    const name = headers.host ?? '';
    if (this.#ours.has(name)) return true;
    const whose = this.#hosts.at(name.toLowerCase());
    return whose !== undefined && (whose.length === 0 || whose.includes(clientId));
  }

  /** Whether a request is addressed to a host that other clients list and this one does not. */
  async isForeignHost({ headers }: Pick<FastifyRequest, 'headers'>, clientId: string): Promise<boolean> {
    const whose = await this.#whoseHost(headers.host ?? '');
    if (whose.length === 0 || whose.includes(clientId)) return false;
    const settings = await this.settings.find(clientId);
    return !settings?.hosts.includes((headers.host ?? '').toLowerCase());
  }

  /** The fault for who is not admitted, noted for the audit trail. */
  private refusal(request: FastifyRequest, clientId: string, reason: string): Fault {
    this.denials.note({ clientId, route: routeOf(request), reason, address: this.addresses.hash(request) });
    return new Fault('origin.refused');
  }

  async #whoseHost(named: string): Promise<readonly string[]> {
    const name = named.toLowerCase();
    return this.#ours.has(name) || name.length > 255 || !host.test(name) ? [] : this.#hosts.get(name);
  }
}
