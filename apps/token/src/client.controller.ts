import { Serve } from '#bus/serve';
import { client } from '#contracts/client';
import type { Received } from '#contracts/service';
import { ApiKeys } from './clients/api-keys.js';
import { Clients } from './clients/clients.js';
import { LinkSecrets } from './clients/link-secrets.js';

@Serve(client)
export class ClientController {
  constructor(
    private readonly clients: Clients,
    private readonly linkSecrets: LinkSecrets,
    private readonly apiKeys: ApiKeys,
  ) {}

  create(request: Received<typeof client.create>) {
    return this.clients.create(request);
  }
  list(request: Received<typeof client.list>) {
    return this.clients.list(request);
  }
  read(request: Received<typeof client.read>) {
    return this.clients.read(request);
  }
  listing(request: Received<typeof client.listing>) {
    return this.clients.listing(request);
  }
  update(request: Received<typeof client.update>) {
    return this.clients.update(request);
  }

  createLinkSecret(request: Received<typeof client.createLinkSecret>) {
    return this.linkSecrets.create(request);
  }
  listLinkSecrets(request: Received<typeof client.listLinkSecrets>) {
    return this.linkSecrets.list(request);
  }
  deleteLinkSecret(request: Received<typeof client.deleteLinkSecret>) {
    return this.linkSecrets.delete(request);
  }

  createApiKey(request: Received<typeof client.createApiKey>) {
    return this.apiKeys.create(request);
  }
  listApiKeys(request: Received<typeof client.listApiKeys>) {
    return this.apiKeys.list(request);
  }
  rotateApiKey(request: Received<typeof client.rotateApiKey>) {
    return this.apiKeys.rotate(request);
  }
  deleteApiKey(request: Received<typeof client.deleteApiKey>) {
    return this.apiKeys.delete(request);
  }
}
