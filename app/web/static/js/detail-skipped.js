// Why a step was skipped, as far as the definition and the other steps tell.
import { needsOf } from "./waterfall.js";

const CONDITION = "Its condition (if) was false";

/** Say in a sentence why a step was skipped. */
export function whySkipped({ stepId }, { definition, execution, steps }) {
  const written = definition?.steps.find((step) => step.id === stepId);
  if (!written) return "It was skipped.";
  if ((written.runOn ?? "success") === "failure" && execution.status !== "failed") return "It only runs when the execution fails.";
  const needs = (needsOf(definition).get(stepId) ?? []).map((id) => steps.find((step) => step.stepId === id));
  if (needs.length && needs.every((need) => need && !counts(need, definition))) {
    return `None of the steps that it needs completed: ${needs.map((need) => `${need.stepId} (${need.status})`).join(", ")}.`;
  }
  if (execution.status === "cancelled") return "The execution was cancelled before it began.";
  if (execution.status === "failed") return written.if ? `${CONDITION}, or the execution failed before it began.` : "The execution failed before it began.";
  return written.if ? `${CONDITION}.` : "It was skipped.";
}

/** Tell whether a need counts as completed: it is, or it failed and may. */
function counts(need, definition) {
  if (need.status === "completed") return true;
  return need.status === "failed" && definition.steps.some(({ id, onError }) => id === need.stepId && onError === "continue");
}
