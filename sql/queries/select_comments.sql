-- Every relation and macro of this file with its comment, and those of its columns.
with relations as (
    select
        table_name as name,
        'table' as kind,
        comment,
    from duckdb_tables()
    where database_name = current_database() and not internal
    union all
    select
        view_name as name,
        'view' as kind,
        comment,
    from duckdb_views()
    where database_name = current_database() and not internal
    union all
    select
        function_name as name,
        'macro' as kind,
        any_value(comment) as comment,
    from duckdb_functions()
    where
        database_name = current_database()
        and function_type = 'macro'
        and not internal
    group by function_name
)

select
    relations.name,
    relations.kind,
    relations.comment,
    columns.column_name,
    columns.data_type,
    columns.comment as column_comment,
from relations
left join duckdb_columns() as columns
    on
        relations.name = columns.table_name
        and relations.kind != 'macro'
        and columns.database_name = current_database()
order by relations.name, columns.column_index;
