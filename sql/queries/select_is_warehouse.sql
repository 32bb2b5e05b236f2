-- Whether this DuckDB file has the tables that every warehouse has.
select count(*) = 2 as is_warehouse
from duckdb_tables()
where
    schema_name = 'main'
    and table_name in ('settings', 'models');
