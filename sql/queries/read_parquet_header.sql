-- The columns of a Parquet file, without its rows.
select *  -- noqa: AM04
from read_parquet($path)
where false;
