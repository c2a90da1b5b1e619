import { describe, expect, it } from 'vitest';
import {
  batchLimits,
  isTracingOn,
  serviceNameIn,
  traceExporters,
} from '#telemetry/otel-environment.ts';

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };

describe('traces', () => {
  it.each([
    [ENDPOINT, true],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://collector:4318/v1/traces' }, true],
    [{ OTEL_TRACES_EXPORTER: 'console' }, true],
    [{ OTEL_TRACES_EXPORTER: ' otlp ' }, true],
    [{ OTEL_TRACES_EXPORTER: 'otlp,console' }, true],
    [{ OTEL_TRACES_EXPORTER: '', ...ENDPOINT }, true],
    [{ OTEL_TRACES_EXPORTER: 'Console' }, true],
    [{ OTEL_TRACES_EXPORTER: 'none,otlp' }, true],
    [{ OTEL_TRACES_EXPORTER: 'zipkin', ...ENDPOINT }, true],
    [{ OTEL_TRACES_EXPORTER: 'zipkin' }, false],
    [{ OTEL_TRACES_EXPORTER: 'None', ...ENDPOINT }, false],
    [{ OTEL_SDK_DISABLED: 'false', ...ENDPOINT }, true],
    [{}, false],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }, false],
    [{ OTEL_SERVICE_NAME: 'mine' }, false],
    [{ OTEL_TRACES_EXPORTER: 'none', ...ENDPOINT }, false],
    [{ OTEL_SDK_DISABLED: 'TRUE', ...ENDPOINT }, false],
    [{ OTEL_SDK_DISABLED: 'true', OTEL_TRACES_EXPORTER: 'console' }, false],
    [{ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://collector:4318' }, false],
  ])('with %j are recorded: %s', (env, isOn) => {
    expect(isTracingOn(env)).toBe(isOn);
  });

  it.each([
    [ENDPOINT, ['otlp'], []],
    [{ OTEL_TRACES_EXPORTER: 'console' }, ['console'], []],
    [{ OTEL_TRACES_EXPORTER: 'OTLP' }, ['otlp'], []],
    [{ OTEL_TRACES_EXPORTER: 'zipkin', ...ENDPOINT }, ['otlp'], ['OTEL_TRACES_EXPORTER']],
    [{ OTEL_TRACES_EXPORTER: 'console,otlp' }, ['otlp', 'console'], []],
    [{ OTEL_TRACES_EXPORTER: 'console,zipkin' }, ['console'], ['OTEL_TRACES_EXPORTER']],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf', ...ENDPOINT }, ['otlp'], []],
    [
      { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', ...ENDPOINT },
      ['otlp'],
      ['OTEL_EXPORTER_OTLP_PROTOCOL'],
    ],
  ])('with %j go to %j', (env, exporters, refused) => {
    const told: string[] = [];

    expect(traceExporters(env, (variable) => told.push(variable))).toEqual(exporters);
    expect(told).toEqual(refused);
  });

  it('wait in a queue with the bounds of the variables, or their defaults', () => {
    const told: string[] = [];
    const limits = batchLimits(
      {
        OTEL_BSP_MAX_QUEUE_SIZE: '100',
        OTEL_BSP_SCHEDULE_DELAY: '0',
        OTEL_BSP_EXPORT_TIMEOUT: '1e3',
      },
      (variable) => told.push(variable),
    );

    expect(limits).toEqual({
      maxQueueSize: 100,
      maxExportBatchSize: 100,
      scheduledDelayMillis: 5000,
      exportTimeoutMillis: 30_000,
    });
    expect(told).toEqual(['OTEL_BSP_SCHEDULE_DELAY', 'OTEL_BSP_EXPORT_TIMEOUT']);
  });
});

describe('the name of the service', () => {
  it.each([
    [{ OTEL_SERVICE_NAME: ' mine ' }, 'mine'],
    [{ OTEL_RESOURCE_ATTRIBUTES: 'a=b, service.name=mine,c=d' }, 'mine'],
    [{ OTEL_RESOURCE_ATTRIBUTES: 'service.name=my%20own' }, 'my own'],
    [{ OTEL_SERVICE_NAME: 'mine', OTEL_RESOURCE_ATTRIBUTES: 'service.name=other' }, 'mine'],
    [{ OTEL_SERVICE_NAME: ' ', OTEL_RESOURCE_ATTRIBUTES: 'my.service.name=other' }, undefined],
    [{ OTEL_RESOURCE_ATTRIBUTES: 'service.name=%ZZ' }, undefined],
    [{}, undefined],
  ])('is with %j: %s', (env, name) => {
    expect(serviceNameIn(env)).toBe(name);
  });
});
