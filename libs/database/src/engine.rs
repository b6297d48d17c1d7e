//! The two engines, and the SQL in which they differ.

/// Which database answers; only for the few statements that differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    /// SQL for the elements of a list of numbers that is bound as one parameter ([`Val::from_ids`]): `id IN {}` works for
    /// lists of any length.
    pub fn id_list(self, parameter: &str) -> String {
        match self {
            Self::Sqlite => format!("(SELECT value FROM json_each({parameter}))"),
            Self::Postgres => format!(
                "(SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST({parameter} AS JSON)) AS list(value))"
            ),
        }
    }

    /// The same for a list of texts ([`Val::from_texts`]).
    pub fn text_list(self, parameter: &str) -> String {
        match self {
            Self::Sqlite => format!("(SELECT value FROM json_each({parameter}))"),
            Self::Postgres => {
                format!("(SELECT value FROM json_array_elements_text(CAST({parameter} AS JSON)) AS list(value))")
            }
        }
    }

    /// SQL for the position of one text within another, counted from 1; 0 if it does not occur.
    pub fn position_of(self, text: &str, within: &str) -> String {
        match self {
            Self::Sqlite => format!("INSTR({within}, {text})"),
            Self::Postgres => format!("STRPOS({within}, {text})"),
        }
    }

    /// SQL for the number that a text begins with, as DOUBLE PRECISION; 0 if it begins with none, NULL for NULL. Too large
    /// numbers become the largest, too small ones 0, as in `MariaDB`.
    pub fn number_at_start(self, text: &str) -> String {
        const LARGEST: &str = "1.7976931348623157e308";
        match self {
            Self::Sqlite => format!("MAX(MIN(CAST({text} AS REAL), {LARGEST}), -{LARGEST})"),
            Self::Postgres => {
                // NUMERIC takes four digits of an exponent, and what is below 1e-323 is no DOUBLE PRECISION.
                let number = r"'^\s*[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?0*[0-9]{1,4})?'";
                let number = format!("ROUND(CAST(COALESCE(SUBSTRING({text} FROM {number}), '0') AS NUMERIC), 323)");
                format!(
                    "CASE WHEN {text} IS NULL THEN NULL \
                     ELSE CAST(GREATEST(LEAST({number}, {LARGEST}), -{LARGEST}) AS DOUBLE PRECISION) END"
                )
            }
        }
    }

    /// SQL for a result computed from whole numbers; [`DbError::Data`] if it does not fit into 64 bits, where `SQLite` would
    /// continue with a floating-point number.
    pub fn whole_number(self, computed: &str) -> String {
        match self {
            // `12e0` is JSON, and `1.2e+19e0` is none: the one function that refuses a number for its type.
            Self::Sqlite => format!("CAST(JSON({computed} || 'e0') AS BIGINT)"),
            Self::Postgres => computed.to_owned(),
        }
    }

    /// SQL for a number without its decimals, to be cast to BIGINT; [`DbError::Data`] if it does not fit.
    pub fn truncated_to_whole_number(self, number: &str) -> String {
        match self {
            Self::Sqlite => format!(
                "CASE WHEN {number} >= 9223372036854775808.0 OR {number} < -9223372036854775808.0 \
                 THEN JSON({number} || 'e0') ELSE TRUNC({number}) END"
            ),
            Self::Postgres => format!("TRUNC({number})"),
        }
    }

    /// SQL for a quotient with four decimals, as DOUBLE PRECISION; NULL where the divisor is 0.
    pub fn quotient_to_four_decimals(self, dividend: &str, divisor: &str) -> String {
        match self {
            Self::Sqlite => format!(
                "ROUND(CAST({dividend} AS DOUBLE PRECISION) / NULLIF(CAST({divisor} AS DOUBLE PRECISION), 0), 4)"
            ),
            Self::Postgres => format!(
                "CAST(ROUND(CAST({dividend} AS NUMERIC) / NULLIF(CAST({divisor} AS NUMERIC), 0), 4) AS DOUBLE PRECISION)"
            ),
        }
    }

    /// SQL for whether a row of a full-text index matches a query ([`FulltextQuery::question`](crate::fulltext::FulltextQuery::question));
    /// the index, which a migration made as `{fulltext NAME}`, stands in FROM under its own name.
    pub fn fulltext_condition(self, index: &str, parameter: &str) -> String {
        match self {
            Self::Sqlite => format!("{index} MATCH {parameter}"),
            Self::Postgres => format!("{index}.vector @@ CAST({parameter} AS tsquery)"),
        }
    }

    /// The operators of a full-text query: all words, any word.
    pub(crate) fn boolean_operators(self) -> (&'static str, &'static str) {
        match self {
            Self::Sqlite => (" AND ", " OR "),
            Self::Postgres => (" & ", " | "),
        }
    }

    /// A word of a full-text query, or a prefix if it is open; words consist of letters and digits.
    pub(crate) fn quote_search_word(self, word: &str, is_open: bool) -> String {
        match self {
            Self::Sqlite => format!("\"{word}\"{}", if is_open { "*" } else { "" }),
            Self::Postgres => format!("'{word}'{}", if is_open { ":*" } else { "" }),
        }
    }

    /// The end of a SELECT that locks its rows until the transaction ends. `SQLite` has one writer at a time anyway.
    pub fn for_update_clause(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE",
        }
    }

    /// Whether write transactions run one after the other.
    pub fn has_one_writer(self) -> bool {
        self == Self::Sqlite
    }

    /// Whether [`Tx::visit_bulk`](crate::Tx::visit_bulk) collects the rows in memory, instead of passing them on as they arrive.
    pub fn collects_bulk_rows(self) -> bool {
        self == Self::Sqlite
    }

    /// The FROM item of a sub-select that looks at one row of a table, together with the condition `alias.id = id`. `PostgreSQL`
    /// finds the row by its id here: with old statistics it would use an index on another column that the sub-select compares,
    /// and read many rows.
    pub fn row_by_id(self, table: &str, alias: &str, id: &str) -> String {
        match self {
            Self::Sqlite => format!("{table} {alias}"),
            Self::Postgres => format!("(SELECT * FROM {table} {alias} WHERE {alias}.id = {id} OFFSET 0) {alias}"),
        }
    }

    /// The placeholder with this number, counted from 1, in a statement that uses each placeholder once and in order. With
    /// numbered placeholders `SQLite` searches all others, which is slow where there are hundreds.
    pub fn parameter_in_order(self, number: usize) -> String {
        match self {
            Self::Sqlite => "?".to_owned(),
            Self::Postgres => format!("${number}"),
        }
    }
}
