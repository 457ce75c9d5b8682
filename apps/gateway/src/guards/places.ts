import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Bus } from '#bus/bus';
import { FactFeed } from '#bus/feed';
import { client } from '#contracts/client';
import { Fault } from '#contracts/fault';
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
const host = /^[a-z0-9.-]+(:\d{1,5})?$/;

/** Where clients are at home: the hosts they list, and the origins of their pages. What is known is three seconds old at most. */
@Injectable()
export class Places {
  readonly #ours: ReadonlySet<string>;
  readonly #hosts: Briefly<readonly string[]>;
  readonly #origins: Briefly<readonly string[]>;

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
    const forget = () => {
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
   * Lets a request act for a client: not at a host that only others list (S-98), and not from a page of an origin that
   * is not the client's (S-106). Ask before anything is consumed.
   *
   * @throws Fault `origin.refused`
   */
  async admit(request: FastifyRequest, clientId: string): Promise<void> {
    const origin = foreignOrigin(request.headers, this.issuer.url);
    const [isForeignHost, settings] = await Promise.all([
      this.isForeignHost(request, clientId),
      origin === null ? null : this.settings.find(clientId),
    ]);
    if (isForeignHost) throw this.refusal(request, clientId, 'host.foreign');
    if (origin !== null && !(settings && webOrigins(settings).includes(origin)))
      throw this.refusal(request, clientId, 'origin.foreign');
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
