// Nest is ES modules and its throttler is CommonJS: whoever loads the throttler first ends in a cycle.
import 'reflect-metadata';
import '@nestjs/common';
import '@nestjs/core';
