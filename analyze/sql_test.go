package analyze

import "testing"

func TestReadStatement(t *testing.T) {
	for text, want := range map[string][2]string{
		"SELECT $1": {"select", ""},
		"select id, name from users where id = $1":                                                 {"select", "users"},
		"SELECT EXTRACT(epoch FROM t), trim(both $1 from x) FROM public.jobs AS j":                 {"select", "public.jobs"},
		"SELECT a IS NOT DISTINCT FROM b, c IS DISTINCT FROM d FROM jobs":                          {"select", "jobs"},
		"SELECT (SELECT max(n) FROM inner_one), x FROM outer_one":                                  {"select", "outer_one"},
		"SELECT count(*) FROM (SELECT x FROM jobs GROUP BY x) s":                                   {"select", "jobs"},
		"SELECT * FROM (jobs j JOIN users u ON u.id = j.u)":                                        {"select", "jobs"},
		"(SELECT a FROM one) UNION (SELECT b FROM two)":                                            {"select", "one"},
		"SELECT * FROM generate_series($1, $2)":                                                    {"select", ""},
		"SELECT * FROM ONLY jobs FOR UPDATE SKIP LOCKED":                                           {"select", "jobs"},
		"SELECT 'x from y', \"from\" FROM \"odd \"\" name\".\"t\" -- from z":                       {"select", "odd \" name.t"},
		"INSERT INTO events (a, b) VALUES ($1, $2) ON CONFLICT DO UPDATE SET a = b":                {"insert", "events"},
		"insert into audit.log select * from x":                                                    {"insert", "audit.log"},
		"UPDATE ONLY accounts SET n = (SELECT max(n) FROM y) WHERE id = $1":                        {"update", "accounts"},
		"DELETE FROM jobs USING users WHERE x":                                                     {"delete", "jobs"},
		"MERGE INTO stock USING buys ON x":                                                         {"merge", "stock"},
		"WITH next AS (SELECT id FROM jobs LIMIT $1), b AS (DELETE FROM x) UPDATE jobs2 SET a = b": {"update", "jobs2"},
		"WITH RECURSIVE t(n) AS (VALUES ($1) UNION SELECT n FROM t) SELECT n FROM t":               {"select", "t"},
		"/* a 'comment */ BEGIN":                                                                   {"begin", ""},
		"COMMIT":                                                                                   {"commit", ""},
		"SELECT id FROM":                                                                           {"select", ""},
		"SELECT id FROM (":                                                                         {"select", ""},
		"UPDATE":                                                                                   {"update", ""},
		"WITH a AS (SELECT":                                                                        {"", ""},
		"":                                                                                         {"", ""},
		"\"quoted\"":                                                                               {"", ""},
		"$1":                                                                                       {"", ""},
	} {
		if kind, table := readStatement(text); kind != want[0] || table != want[1] {
			t.Errorf("%s: %q, %q; want %q", text, kind, table, want)
		}
	}
}

func FuzzReadStatement(f *testing.F) {
	f.Add("WITH a AS (SELECT x FROM \"y\") SELECT 'z' FROM (SELECT b FROM c.d) -- e")
	f.Fuzz(func(t *testing.T, text string) { readStatement(text) })
}
