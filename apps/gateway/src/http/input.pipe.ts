import {
  type ArgumentMetadata,
  Injectable,
  type PipeTransform,
  type StandardSchemaValidationPipe,
} from '@nestjs/common';
import { Fault } from '#contracts/fault';

/** As many problems as an answer lists. */
const most = 10;

type Issues = Parameters<StandardSchemaValidationPipe['exceptionFactory']>[0];
type Outcome = { readonly value: unknown; readonly issues?: undefined } | { readonly issues: Issues };

/**
 * Checks what came in against the schema of its parameter. The answer names paths and rules, never a value that was
 * sent; a path parameter that cannot name anything names nothing (404).
 *
 * Nest's own pipe for such schemas is asynchronous. Nearly every parameter is judged at once, and each promise between
 * a request and its handler is one more to make and to wait for.
 */
@Injectable()
export class InputPipe implements PipeTransform {
  transform(value: unknown, { schema, type }: ArgumentMetadata): unknown {
    if (!schema) return value;
    const result = schema['~standard'].validate(value);
    return result instanceof Promise ? result.then((late) => judged(late, type)) : judged(result, type);
  }
}

function judged(result: Outcome, type: ArgumentMetadata['type']): unknown {
  if (!result.issues) return result.value;
  throw type === 'param' ? new Fault('route.missing') : new Fault('request.invalid', { detail: told(result.issues) });
}

function told(issues: Issues): string {
  const lines = issues.slice(0, most).map(({ path = [], message }) => {
    const where = path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
    return where ? `${where}: ${message}` : message;
  });
  return lines.join('; ').slice(0, 1000);
}
