import { type CanActivate, createParamDecorator, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Fault } from '#contracts/fault';
import { clientId } from '#contracts/ids';
import { ClientSettings } from '../guards/client-settings.js';
import { Places } from '../guards/places.js';
import { projectNamedBy } from './family-header.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The client `ProjectGuard` has found active. */
    project?: string;
  }
}

/** Lets in what names an active client, from a place where that client is at home. Unknown and suspended look the same. */
@Injectable()
export class ProjectGuard implements CanActivate {
  constructor(
    private readonly clients: ClientSettings,
    private readonly places: Places,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const named = clientId.safeParse(projectNamedBy(request)).data;
    const client = named === undefined ? null : await this.clients.standing(named);
    if (client?.status !== 'active') throw new Fault('client.missing');
    await this.places.admit(request, client.clientId);
    request.project = client.clientId;
    return true;
  }
}

/** The client a request has named. @throws Error without `ProjectGuard` */
export function projectOf({ project }: Pick<FastifyRequest, 'project'>): string {
  if (project === undefined) throw new Error('a route that wants a project needs the ProjectGuard');
  return project;
}

/** The client `ProjectGuard` found. */
export const Project = createParamDecorator((_: unknown, context: ExecutionContext): string =>
  projectOf(context.switchToHttp().getRequest<FastifyRequest>()),
);
