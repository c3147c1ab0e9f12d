/**
 * The emulator as one side of a comparison. An error of ours becomes a line that no kernel prints,
 * behind the operations that went well, so that the comparison points at the one that did not.
 */
import { runScenario, type ScenarioOptions } from '../../scenario/run.js';
import { messageOf } from '../exit.js';
import { operationLines } from '../run/transcript.js';
import type { Runner } from './state.js';

/** Plays scenarios on machines of this kind. */
export function emulatorRunner(machine: ScenarioOptions): Runner {
  return async (scenario) => {
    try {
      return runScenario(scenario, machine).transcript;
    } catch (error) {
      return transcriptUpTo(scenario, machine, error);
    }
  };
}

function transcriptUpTo(scenario: string, machine: ScenarioOptions, error: unknown): string {
  const lines = scenario.split('\n');
  const ends = operationLines(scenario);
  let transcript = '. end\n';
  for (const end of ends) {
    const operations = lines.slice(0, end).join('\n');
    try {
      transcript = runScenario(operations, machine).transcript;
    } catch {
      const text = lines[end - 1]?.trim() ?? '';
      const before = transcript.replace(/\. end.*\n$/, '');
      return `${before}> ${text}\n! internal error: ${messageOf(error)}\n`;
    }
  }
  return `${transcript}! internal error: ${messageOf(error)}\n`;
}
