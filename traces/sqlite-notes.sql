-- The work behind sqlite-notes.trace.gz: a note archive is filled, indexed, updated and queried.
PRAGMA secure_delete = OFF;
CREATE TABLE note(id INTEGER PRIMARY KEY, title TEXT, body BLOB);
CREATE TABLE visit(note INTEGER PRIMARY KEY, times INTEGER);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 190)
INSERT INTO note SELECT i, 'note-' || (i * 7919 % 190), zeroblob(18000 + i * 613 % 9000) FROM n;
INSERT INTO visit SELECT id, 0 FROM note;
CREATE INDEX note_title ON note(title);
UPDATE visit SET times = times + 1 WHERE note % 3 = 0;
SELECT count(*), avg(length(body)) FROM note WHERE title BETWEEN 'note-2' AND 'note-4';
UPDATE note SET body = zeroblob(10000) WHERE id % 20 = 0;
DELETE FROM note WHERE id % 30 = 0;
UPDATE visit SET times = times + 1 WHERE note % 5 = 0;
SELECT sum(times), max(title) FROM note JOIN visit ON note.id = visit.note;
UPDATE visit SET times = times + 1 WHERE note % 7 = 0;
