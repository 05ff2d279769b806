import { Spec, Validation } from '@cyclonedx/cyclonedx-library';

/** Returns what a bill of materials has that the schema of CycloneDX 1.6 does not allow; null where it is valid. */
export async function schemaProblems(sbom: string): Promise<unknown> {
  return new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(sbom);
}
