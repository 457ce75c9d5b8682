import { setSourceMapsSupport } from 'node:module';

// Loaded before the program (`node --import`): stacks in the log name our sources. The maps of packages are left alone;
// read at start, as --enable-source-maps does, they cost each process some 12 MiB.
setSourceMapsSupport(true, { nodeModules: false });
