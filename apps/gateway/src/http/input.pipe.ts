import { type ArgumentMetadata, Injectable, StandardSchemaValidationPipe } from '@nestjs/common';
import { Fault } from '#contracts/fault';

/** As many problems as an answer lists. */
const most = 10;

type Issues = Parameters<StandardSchemaValidationPipe['exceptionFactory']>[0];

/**
 * Checks what came in against the schema of its parameter. The answer names paths and rules, never a value that was
 * sent; a path parameter that cannot name anything names nothing (404).
 */
@Injectable()
export class InputPipe extends StandardSchemaValidationPipe {
  override async transform<Value>(value: Value, metadata: ArgumentMetadata): Promise<Value> {
    if (!metadata.schema) return value;
    const result = await this.validate<Value>(value, metadata.schema);
    if (!result.issues) return result.value;
    throw metadata.type === 'param'
      ? new Fault('route.missing')
      : new Fault('request.invalid', { detail: told(result.issues) });
  }
}

function told(issues: Issues): string {
  const lines = issues.slice(0, most).map(({ path = [], message }) => {
    const where = path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
    return where ? `${where}: ${message}` : message;
  });
  return lines.join('; ').slice(0, 1000);
}
