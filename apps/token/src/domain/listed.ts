import { type Settings, webOrigins } from '#contracts/settings';

/** What a client can be found by that strangers name: the hosts it is served at, and the web origins of its own. */
export type Listed = { readonly host: string } | { readonly origin: string };

/** As it stands in an index that both kinds share. */
export function listedName(named: Listed): string {
  return 'host' in named ? `host:${named.host}` : `origin:${named.origin}`;
}

/** Everything these settings list. */
export function listedNames(settings: Settings): string[] {
  return [
    ...settings.hosts.map((host) => listedName({ host })),
    ...webOrigins(settings).map((origin) => listedName({ origin })),
  ];
}
