import { describe, expect, it } from '@jest/globals';
import { Get, UseGuards } from '@nestjs/common';
import { PATH_METADATA } from '@nestjs/common/constants.js';
import { MetadataScanner, Reflector } from '@nestjs/core';
import { controllers } from '../gateway.module.js';
import { isDecided, Public } from './access.guard.js';

const reflector = new Reflector();
const scanner = new MetadataScanner();

class Example {
  @Get('open')
  @Public()
  open() {}

  @Get('guarded')
  @UseGuards(class Guard {})
  guarded() {}

  @Get('forgotten')
  forgotten() {}
}

describe('access', () => {
  it('is decided by a guard or by saying so, and by nothing else', () => {
    const handlers = Example.prototype;
    expect(
      [handlers.open, handlers.guarded, handlers.forgotten].map((each) => isDecided(reflector, each, Example)),
    ).toEqual([true, true, false]);
  });

  const routes = controllers.flatMap((controller) =>
    scanner
      .getAllMethodNames(controller.prototype)
      .map((name) => ({ controller, name, handler: Reflect.get(controller.prototype, name) }))
      .filter(({ handler }) => Reflect.hasMetadata(PATH_METADATA, handler)),
  );

  it('knows all routes', () => {
    expect(routes.length).toBeGreaterThan(20);
  });

  it.each(routes.map(({ controller, name, handler }) => [`${controller.name}.${name}`, handler, controller] as const))(
    'of %s is decided (S-96)',
    (_name, handler, controller) => {
      expect(isDecided(reflector, handler, controller)).toBe(true);
    },
  );
});
