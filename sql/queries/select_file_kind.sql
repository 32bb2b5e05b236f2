-- What this DuckDB file is by its catalogue: 'warehouse', 'older' or 'other'.
-- Version 0.1.0 wrote no warehouse_format; its own tables tell it from other files.
select
    case
        when (
            select count(*) = 2
            from duckdb_columns()
            where
                schema_name = 'main'
                and table_name = 'warehouse_format'
                and column_name in ('marker', 'schema_version')
        ) then 'warehouse'
        when (
            select count(*) = 6
            from duckdb_tables()
            where
                schema_name = 'main'
                and table_name in (
                    'settings',
                    'sources',
                    'sql_files',
                    'raw_ratings',
                    'models',
                    'calibration_residuals'
                )
        ) then 'older'
        else 'other'
    end as file_kind;
