import {
  getDisplayValueAlignmentFactors,
  getFieldDisplayValues,
  VizOrientation,
} from '@grafana/data';
import type { FieldDisplay } from '@grafana/data';
import {
  BarGauge,
  BigValue,
  BigValueColorMode,
  BigValueGraphMode,
  BigValueJustifyMode,
  BigValueTextMode,
  VizRepeater,
} from '@grafana/ui';
import { BarGaugeDisplayMode, BarGaugeNamePlacement, BarGaugeValueMode } from '@grafana/schema';
import { withDefaults } from '#frames.ts';
import type { PanelData } from './panel-data.ts';

/** Numbers, with a small line of their past where the dashboard asks for one. */
export function StatPanel({ panel, frames, theme, width, height, replaceVariables }: PanelData) {
  const options = panel.options ?? {};
  const graphMode = options.graphMode ?? BigValueGraphMode.Area;
  return (
    <VizRepeater
      source={frames}
      getValues={() =>
        valuesOf({ panel, frames, theme, replaceVariables }, graphMode !== BigValueGraphMode.None)
      }
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      itemSpacing={3}
      renderCounter={0}
      autoGrid
      orientation={options.orientation ?? VizOrientation.Auto}
      width={width}
      height={height}
      renderValue={({ value, count, alignmentFactors, width, height }) => (
        <BigValue
          value={value.display}
          {...(value.sparkline === undefined ? {} : { sparkline: value.sparkline })}
          count={count}
          alignmentFactors={alignmentFactors}
          width={width}
          height={height}
          theme={theme}
          graphMode={graphMode}
          colorMode={options.colorMode ?? BigValueColorMode.Value}
          justifyMode={options.justifyMode ?? BigValueJustifyMode.Auto}
          textMode={options.textMode ?? BigValueTextMode.Auto}
          text={options.text}
        />
      )}
    />
  );
}

/** Bars with their values; gauges too, which `@grafana/ui` does not publish. */
export function BarGaugePanel({
  panel,
  frames,
  theme,
  width,
  height,
  replaceVariables,
}: PanelData) {
  const options = panel.options ?? {};
  const given = options.orientation ?? VizOrientation.Auto;
  const orientation = given === VizOrientation.Auto ? VizOrientation.Horizontal : given;
  return (
    <VizRepeater
      source={frames}
      getValues={() => valuesOf({ panel, frames, theme, replaceVariables }, false)}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      itemSpacing={8}
      renderCounter={0}
      orientation={orientation}
      minVizHeight={16}
      maxVizHeight={options.maxVizHeight ?? 300}
      width={width}
      height={height}
      renderValue={({ value, alignmentFactors, width, height }) => (
        <BarGauge
          value={value.display}
          field={value.field}
          {...(value.view === undefined
            ? {}
            : { display: value.view.getFieldDisplayProcessor(value.colIndex ?? 0) })}
          alignmentFactors={alignmentFactors}
          orientation={orientation}
          width={width}
          height={height}
          theme={theme}
          displayMode={options.displayMode ?? BarGaugeDisplayMode.Gradient}
          valueDisplayMode={options.valueMode ?? BarGaugeValueMode.Color}
          namePlacement={options.namePlacement ?? BarGaugeNamePlacement.Auto}
          showUnfilled={options.showUnfilled ?? true}
        />
      )}
    />
  );
}

type Source = Pick<PanelData, 'panel' | 'frames' | 'theme' | 'replaceVariables'>;

function valuesOf(
  { panel, frames, theme, replaceVariables }: Source,
  sparkline: boolean,
): FieldDisplay[] {
  return getFieldDisplayValues({
    data: frames,
    fieldConfig: withDefaults(panel),
    reduceOptions: { calcs: ['lastNotNull'], ...panel.options?.reduceOptions },
    replaceVariables,
    theme,
    timeZone: 'utc',
    sparkline,
  });
}
