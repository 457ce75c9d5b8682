/** The counters run, but a bench is not to be stopped by them. */
export const limits = ['link', 'client-auth', 'refresh', 'claim', 'client-token', 'custom-token']
  .map((name) => `${name}=999999999/1m`)
  .join(',');
