-- The version of the schema, if the table is a warehouse's and not somebody else's.
select schema_version
from warehouse_format
where marker = 'recsys-warehouse';
