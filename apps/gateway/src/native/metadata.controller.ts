import { Controller, Get, Header } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Public } from '../guards/access.guard.js';
import { Issuer } from '../guards/issuer.js';

const list = z.array(z.string());
const metadata = z
  .object({
    issuer: z.url(),
    token_endpoint: z.url(),
    jwks_uri: z.url(),
    introspection_endpoint: z.url(),
    revocation_endpoint: z.url(),
    service_documentation: z.url(),
    response_types_supported: list,
    grant_types_supported: list,
    token_endpoint_auth_methods_supported: list,
    introspection_endpoint_auth_methods_supported: list,
    revocation_endpoint_auth_methods_supported: list,
  })
  .meta({ id: 'AuthorizationServerMetadata' });

/** What a client of OAuth 2.0 needs to know of us (RFC 8414). */
@ApiTags('Keys')
@Controller('.well-known')
export class MetadataController {
  readonly #metadata: z.output<typeof metadata>;

  constructor({ url }: Issuer) {
    this.#metadata = {
      issuer: url,
      token_endpoint: `${url}/api/token`,
      jwks_uri: `${url}/.well-known/jwks.json`,
      introspection_endpoint: `${url}/oauth2/introspect`,
      revocation_endpoint: `${url}/oauth2/revoke`,
      service_documentation: `${url}/docs`,
      // Required by section 2, though there is no authorization endpoint to ask for any.
      response_types_supported: [],
      grant_types_supported: ['password', 'refresh_token'],
      token_endpoint_auth_methods_supported: ['none'],
      // An access token type stands for a credential in `Authorization` (section 2): a private API key.
      introspection_endpoint_auth_methods_supported: ['client_secret_basic', 'Bearer'],
      revocation_endpoint_auth_methods_supported: ['client_secret_basic'],
    };
  }

  @Get('oauth-authorization-server')
  @Public()
  @Header('cache-control', 'public, max-age=300')
  @ApiOperation({ summary: 'Where what is, for programs that speak OAuth 2.0 (RFC 8414)' })
  @ApiOkResponse({ standardSchema: metadata })
  read() {
    return this.#metadata;
  }
}
