import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import type { onRequestHookHandler } from 'fastify';
import { docsPolicy } from '../http/headers.js';
import type { TracedAddresses } from '../http/trace.js';

/** The OpenAPI document at `/openapi.json` and its reader at `/docs`. */
export function describeApi(
  app: NestFastifyApplication,
  publicUrl: string,
  cookieName: string,
  traced: TracedAddresses,
): void {
  const about = new DocumentBuilder()
    .setTitle('Segue')
    .setDescription('Carries a signed-in user from one platform into another without a login screen.')
    .setVersion('1')
    .addServer(publicUrl)
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'the admin key' }, 'admin')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'an access token' }, 'access')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'a private API key' }, 'key')
    .addBasicAuth({ type: 'http', scheme: 'basic', description: 'a private API key as the password' }, 'basic-key')
    .addApiKey({ type: 'apiKey', in: 'header', name: 'apikey', description: 'an API key (protocol 001)' }, 'apikey')
    .addApiKey({ type: 'apiKey', in: 'header', name: 'x-api-key', description: 'a private API key' }, 'x-api-key')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'a refresh token' }, 'refresh')
    .addCookieAuth(cookieName, { type: 'apiKey', in: 'cookie' }, 'session')
    .build();

  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onRoute', (route) => {
      if (!/^\/docs(\/|$)/.test(route.url)) return;
      const allowItsOwn: onRequestHookHandler = (_request, reply, done) => {
        reply.header('content-security-policy', docsPolicy);
        done();
      };
      route.onRequest = [route.onRequest ?? [], allowItsOwn].flat();
    });
  SwaggerModule.setup('docs', app, () => withTraces(SwaggerModule.createDocument(app, about), traced), {
    jsonDocumentUrl: 'openapi.json',
    raw: ['json'],
    customSiteTitle: 'Segue API',
  });
}

/** A TRACE is answered by a POST elsewhere, which Nest does not know of. */
function withTraces(document: OpenAPIObject, traced: TracedAddresses): OpenAPIObject {
  for (const [path, answering] of traced) {
    const [item, post] = [document.paths[path], document.paths[answering]?.post];
    if (item && post) item.trace = { ...post, operationId: `${post.operationId}_trace` };
  }
  return document;
}
