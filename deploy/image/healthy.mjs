// The image's health check: whether this container's process says that it is ready.
const { HOST = '', OPS_PORT } = process.env;
const everywhere = ['', '0.0.0.0', '::'].includes(HOST);
const host = HOST.includes(':') ? `[${HOST}]` : HOST;

try {
  const url = `http://${everywhere ? '127.0.0.1' : host}:${OPS_PORT || 9080}/health/ready`;
  const { ok } = await fetch(url, { signal: AbortSignal.timeout(2500) });
  process.exitCode = ok ? 0 : 1;
} catch {
  process.exitCode = 1;
}
