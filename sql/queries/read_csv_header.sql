-- The columns of a CSV file, without its rows.
select *  -- noqa: AM04
from
    read_csv(
        $path,
        delim = $delimiter,
        header = true,
        quote = '"',
        escape = '"',
        all_varchar = true
    )
where false;
