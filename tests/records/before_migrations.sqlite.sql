-- What this program made in an empty database before it had migrations (0.1.0).

CREATE TABLE studies ( study_uid VARCHAR(128) NOT NULL, patient_key VARCHAR(256) NOT NULL, patient_id VARCHAR(128) NOT NULL, modality VARCHAR(64) NOT NULL, description TEXT NOT NULL, body_part VARCHAR(64) NOT NULL, started DATETIME, accession VARCHAR(64) NOT NULL, created DATETIME NOT NULL, updated DATETIME NOT NULL, folder TEXT NOT NULL, series JSON NOT NULL, warnings JSON NOT NULL, PRIMARY KEY (study_uid) );
CREATE INDEX ix_studies_patient_key ON studies (patient_key);
CREATE TABLE conversations ( conversation_id VARCHAR(128) NOT NULL, user VARCHAR(128) NOT NULL, bound_to VARCHAR(300) NOT NULL, patient_key VARCHAR(256) NOT NULL, created DATETIME NOT NULL, PRIMARY KEY (conversation_id) );
CREATE TABLE history_documents ( patient_key VARCHAR(256) NOT NULL, document_id VARCHAR(128) NOT NULL, kind VARCHAR(32) NOT NULL, title TEXT NOT NULL, text TEXT NOT NULL, dated DATE, source TEXT NOT NULL, added DATETIME NOT NULL, PRIMARY KEY (patient_key, document_id) );
CREATE TABLE boards ( board_id VARCHAR(64) NOT NULL, title TEXT NOT NULL, state VARCHAR(16) NOT NULL, question TEXT NOT NULL, patient_key VARCHAR(256) NOT NULL, created DATETIME NOT NULL, life INTEGER NOT NULL, PRIMARY KEY (board_id) );
CREATE INDEX ix_boards_patient_key ON boards (patient_key);
CREATE TABLE audit_events ( seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, "when" DATETIME NOT NULL, user VARCHAR(128) NOT NULL, action VARCHAR(64) NOT NULL, patient VARCHAR(64) NOT NULL, object_type VARCHAR(32) NOT NULL, object_id VARCHAR(128) NOT NULL, outcome VARCHAR(16) NOT NULL, detail TEXT NOT NULL );
CREATE TRIGGER IF NOT EXISTS audit_no_update BEFORE UPDATE ON audit_events BEGIN SELECT RAISE(ABORT, 'the audit ledger is append-only'); END;
CREATE TRIGGER IF NOT EXISTS audit_no_delete BEFORE DELETE ON audit_events BEGIN SELECT RAISE(ABORT, 'the audit ledger is append-only'); END;
CREATE TABLE analyses ( id VARCHAR(64) NOT NULL, study_uid VARCHAR(128) NOT NULL, patient_key VARCHAR(256) NOT NULL, status VARCHAR(16) NOT NULL, created DATETIME NOT NULL, indication TEXT NOT NULL, priority VARCHAR(16) NOT NULL, document JSON NOT NULL, PRIMARY KEY (id), FOREIGN KEY(study_uid) REFERENCES studies (study_uid) );
CREATE INDEX ix_analyses_study_created ON analyses (study_uid, created);
CREATE TABLE conversation_turns ( turn_id INTEGER NOT NULL, conversation_id VARCHAR(128) NOT NULL, study_uid VARCHAR(128) NOT NULL, question TEXT NOT NULL, answer TEXT NOT NULL, analysis_id VARCHAR(64) NOT NULL, planner VARCHAR(128) NOT NULL, at DATETIME NOT NULL, PRIMARY KEY (turn_id), FOREIGN KEY(conversation_id) REFERENCES conversations (conversation_id) );
CREATE INDEX ix_conversation_turns_order ON conversation_turns (conversation_id, turn_id);
CREATE TABLE board_studies ( board_id VARCHAR(64) NOT NULL, study_uid VARCHAR(128) NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (board_id, study_uid), FOREIGN KEY(board_id) REFERENCES boards (board_id), FOREIGN KEY(study_uid) REFERENCES studies (study_uid) );
CREATE INDEX ix_board_studies_study_uid ON board_studies (study_uid);
CREATE TABLE board_members ( board_id VARCHAR(64) NOT NULL, user VARCHAR(128) NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (board_id, user), FOREIGN KEY(board_id) REFERENCES boards (board_id) );
CREATE TABLE board_messages ( board_id VARCHAR(64) NOT NULL, number INTEGER NOT NULL, message_id VARCHAR(64) NOT NULL, author VARCHAR(128) NOT NULL, kind VARCHAR(16) NOT NULL, at DATETIME NOT NULL, claims JSON NOT NULL, reply_to VARCHAR(64) NOT NULL, PRIMARY KEY (board_id, number), FOREIGN KEY(board_id) REFERENCES boards (board_id) );
CREATE TABLE approvals ( approval_id VARCHAR(64) NOT NULL, effect VARCHAR(16) NOT NULL, analysis_id VARCHAR(64) NOT NULL, study_uid VARCHAR(128) NOT NULL, patient_key VARCHAR(256) NOT NULL, asked_by VARCHAR(128) NOT NULL, asked DATETIME NOT NULL, expires DATETIME NOT NULL, decision VARCHAR(16) NOT NULL, decided_by VARCHAR(128) NOT NULL, decided DATETIME, reason TEXT NOT NULL, details JSON NOT NULL, PRIMARY KEY (approval_id), FOREIGN KEY(analysis_id) REFERENCES analyses (id) );
CREATE INDEX ix_approvals_analysis_id ON approvals (analysis_id);
CREATE INDEX ix_approvals_study_uid ON approvals (study_uid);
