import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { docsPolicy } from '../http/headers.js';

/** The OpenAPI document at `/openapi.json` and its reader at `/docs`. */
export function describeApi(app: NestFastifyApplication, publicUrl: string, cookieName: string): void {
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
    .addHook('onRequest', (request, reply, done) => {
      if (/^\/docs(\/|\?|$)/.test(request.url)) reply.header('content-security-policy', docsPolicy);
      done();
    });
  SwaggerModule.setup('docs', app, () => SwaggerModule.createDocument(app, about), {
    jsonDocumentUrl: 'openapi.json',
    raw: ['json'],
    customSiteTitle: 'Segue API',
  });
}
