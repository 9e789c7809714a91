"""What outlives a run. Nothing here reads a clock: `now` and `as_of` are arguments.

A night may be killed at any moment and run again. Commit points, in this order, each whole and each harmless twice:

1. for every delivery
   a. `archive.keep`        sealed raw bytes, a file named by their digest.
   b. `identities.register_*`  upserts; the same words again change no byte.
   c. `lake.append_many`    one Delta commit; a delivery id is an app transaction, so it goes in once. Its version is
                            the day it was received: `lake.when_taken` tells a later attempt the day of the first.
   d. the reply             a file, the same whenever it is written again.
   e. `deliveries.record`, or `answers.record` where officers answer: one database commit with counts, rows set aside,
                            every new version of an answer, what it does to its alert, and the capacity an office tells.
                            Killed between c and e: the next attempt finds c done and does e. Nothing is read from the
                            lake before every e.
   f.                       only now may the file leave the inbox. Killed before: the next attempt finds e done.
   A returned sheet goes the same way: its answers with an outcome are its rows in the lake.
2. `ledger.start`           the run is opened; the same deliveries, settings and code give the same run id.
3. `lake.write_scores`      replaces the day's scores, or finds them there already.
4. the access log           committed, before a name is opened. Each attempt opens names anew, and says so.
5. the sheets               beside their place, on the disk, read back (`files.prepare_folder`). Nobody sees them.
6. one database commit      the night's alerts (`alerts.put`) and the digest of what lies ready (`ledger.prepared`):
                            the night is published, whoever shows it. Killed before: nothing has happened. The same run
                            again must bring the same alerts; it asks `open_alerts(..., besides=run)`.
7. `files.show_folder`      one rename. Killed before: the next start shows what lies ready, and closes the run.
8. `access_log.anchor`      the day's head, in a file outside the database.
9. `ledger.finish`          last, with the stages, in one commit: a run that is done has left nothing to do.

A run that ended well strikes itself out of the lock file (`files.hold`). Where the next start finds it still there,
`flows.repair` finishes or takes away what was left, and says so. `make crash-test` kills at every one of these points.
"""
