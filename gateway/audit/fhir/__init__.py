"""The trail as FHIR R4: an AuditEvent for each record; for each answer, Provenance and Device."""
