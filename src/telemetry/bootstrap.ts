import { readBuildInfo } from '#config/build-info.ts';
import { loadEnvFile } from '#config/load-env-file.ts';
import { isTracingOn, serviceNameIn } from './otel-environment.ts';
import { processTracing } from './tracing.ts';

// Loaded by `node --import` before everything else: pg can be instrumented only before it is loaded. While traces are
// off, nothing of OpenTelemetry's SDK is loaded and nothing is patched.
loadEnvFile();
const serviceName = serviceNameIn(process.env);
if (serviceName !== undefined) {
  processTracing.serviceName = serviceName;
}
// With it the SDK would write to the console, values of variables among what it says.
delete process.env['OTEL_LOG_LEVEL'];
if (isTracingOn(process.env)) {
  const { startTracing } = await import('./start-tracing.ts');
  processTracing.current = startTracing(
    process.env,
    readBuildInfo(new URL('../../', import.meta.url)),
  );
}
