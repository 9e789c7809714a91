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
4. `alerts.save`            one database commit; the same run again must bring the same alerts. A killed run asks
                            `open_alerts(..., besides=run)`, so that its own first attempt does not fill the queue.
5. `access_log.record_access`, committed, then the sheets, each whole.
6. `access_log.anchor`      the day's head, in a file outside the database.
7. `ledger.finish`          last: a run that is done has left nothing to do.
"""
