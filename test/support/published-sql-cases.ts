/** A statement, what may leave the process of it, and its summary. */
export type PublishedCase = readonly [text: string, sanitized: string, summary: string];

const LONG_NAME = `v${'e'.repeat(259)}`;

/**
 * The cases of OpenTelemetry's semantic conventions (docs/non-normative/database-test-cases/db-sql-test-cases.json and
 * the examples of docs/db/database-spans.md) that PostgreSQL can parse. Where several texts are allowed, the one with
 * all literals replaced. Names in summaries are compared without regard to case: PostgreSQL folds those without quotes.
 *
 * Left out, and why:
 * - what PostgreSQL cannot parse: T-SQL (`@parameter`, EXEC, TOP, IDENTITY, CLUSTERED, MODIFY NAME, ADD MEMBER,
 *   TRANSFER, procedures and triggers with their body in the text), `{ guid … }`, `FROM table`, ALTER VIEW … AS,
 *   strings in single quotes as names, statements that are malformed on purpose. Those that are not left out by the
 *   parser keep no literal all the same: `NOT_OF_POSTGRES`;
 * - `UPDATE T SET A = (999)`, whose published summary `UPDATE` lacks the table that the rule asks for.
 */
export const PUBLISHED_CASES: readonly PublishedCase[] = [
  ['SELECT 12, -12, +12', 'SELECT ?, ?, ?', 'SELECT'],
  ['SELECT 12.34, -12.34, +12.34, .01, -.01', 'SELECT ?, ?, ?, ?, ?', 'SELECT'],
  ['SELECT 12.34e56, -12.34e56, +12.34e56', 'SELECT ?, ?, ?', 'SELECT'],
  ['SELECT 12.34e-56, -12.34e-56, +12.34e-56', 'SELECT ?, ?, ?', 'SELECT'],
  ['SELECT 99+100', 'SELECT ??', 'SELECT'],
  ['SELECT 0xDEADBEEF, 0XdeadBEEF', 'SELECT ?, ?', 'SELECT'],
  ["SELECT 'hello'", 'SELECT ?', 'SELECT'],
  ["SELECT 'My name''s not important'", 'SELECT ?', 'SELECT'],
  ["SELECT 'My name is \n not important'", 'SELECT ?', 'SELECT'],
  [
    'SELECT c3po, r2d2 FROM covid19 WHERE n1h1=1234',
    'SELECT c3po, r2d2 FROM covid19 WHERE n1h1=?',
    'SELECT covid19',
  ],
  [
    'INSERT INTO X VALUES(1, 23456, 123.456, 99+100)',
    'INSERT INTO X VALUES(?, ?, ?, ??)',
    'INSERT X',
  ],
  [
    'INSERT INTO shipping_details\n(order_id,\naddress)\nSELECT order_id,\naddress\nFROM   orders\nWHERE  order_id = 1',
    'INSERT INTO shipping_details\n(order_id,\naddress)\nSELECT order_id,\naddress\nFROM   orders\nWHERE  order_id = ?',
    'INSERT shipping_details SELECT orders',
  ],
  [
    'SELECT order_date\nFROM   (SELECT *\nFROM   orders o\nJOIN customers c\nON o.customer_id = c.customer_id)',
    'SELECT order_date\nFROM   (SELECT *\nFROM   orders o\nJOIN customers c\nON o.customer_id = c.customer_id)',
    'SELECT SELECT orders customers',
  ],
  ['SELEcT order_date\nFROM ORders', 'SELEcT order_date\nFROM ORders', 'SELEcT ORders'],
  [
    'SELECT * FROM Orders o CROSS JOIN OrderDetails od',
    'SELECT * FROM Orders o CROSS JOIN OrderDetails od',
    'SELECT Orders OrderDetails',
  ],
  [
    'SELECT * FROM Orders o, OrderDetails od',
    'SELECT * FROM Orders o, OrderDetails od',
    'SELECT Orders OrderDetails',
  ],
  [
    'ALTER  TABLE MyTable ADD Name varchar(255)',
    'ALTER  TABLE MyTable ADD Name varchar(?)',
    'ALTER TABLE MyTable',
  ],
  ['DROP  TABLE MyTable', 'DROP  TABLE MyTable', 'DROP TABLE MyTable'],
  ['SELECT * FROM SelectedData', 'SELECT * FROM SelectedData', 'SELECT SelectedData'],
  [
    `SELECT * FROM ${LONG_NAME} o, OrderDetails od`,
    `SELECT * FROM ${LONG_NAME} o, OrderDetails od`,
    'SELECT',
  ],
  [
    'CREATE UNIQUE INDEX IX_Employee_Email ON Employees (Email);',
    'CREATE UNIQUE INDEX IX_Employee_Email ON Employees (Email);',
    'CREATE INDEX IX_Employee_Email',
  ],
  [
    'SELECT DISTINCT Country FROM Countries',
    'SELECT DISTINCT Country FROM Countries',
    'SELECT Countries',
  ],
  [
    'SELECT DISTINCT o.Id FROM Orders o JOIN Customers c ON o.CustomerId = c.Id',
    'SELECT DISTINCT o.Id FROM Orders o JOIN Customers c ON o.CustomerId = c.Id',
    'SELECT Orders Customers',
  ],
  [
    'CREATE TABLE IF NOT EXISTS Users (Id INT PRIMARY KEY, Name NVARCHAR(100));',
    'CREATE TABLE IF NOT EXISTS Users (Id INT PRIMARY KEY, Name NVARCHAR(?));',
    'CREATE TABLE Users',
  ],
  [
    'CREATE VIEW ActiveUsers AS SELECT * FROM Users WHERE IsActive = 1;',
    'CREATE VIEW ActiveUsers AS SELECT * FROM Users WHERE IsActive = ?;',
    'CREATE VIEW ActiveUsers',
  ],
  [
    'ALTER TABLE Orders RENAME COLUMN OldName TO NewName;',
    'ALTER TABLE Orders RENAME COLUMN OldName TO NewName;',
    'ALTER TABLE Orders',
  ],
  [
    'CREATE INDEX IX_Orders_CustomerId ON Orders (CustomerId) INCLUDE (OrderDate, TotalAmount);',
    'CREATE INDEX IX_Orders_CustomerId ON Orders (CustomerId) INCLUDE (OrderDate, TotalAmount);',
    'CREATE INDEX IX_Orders_CustomerId',
  ],
  [
    'SELECT o.Id, c.Name, SUM(oi.Quantity) FROM Orders o JOIN Customers c ON o.CustomerId = c.Id JOIN OrderItems oi ON o.Id = oi.OrderId GROUP BY o.Id, c.Name;',
    'SELECT o.Id, c.Name, SUM(oi.Quantity) FROM Orders o JOIN Customers c ON o.CustomerId = c.Id JOIN OrderItems oi ON o.Id = oi.OrderId GROUP BY o.Id, c.Name;',
    'SELECT Orders Customers OrderItems',
  ],
  [
    'SELECT DISTINCT Department, COUNT(*) OVER (PARTITION BY Department) AS DeptCount FROM Employees;',
    'SELECT DISTINCT Department, COUNT(*) OVER (PARTITION BY Department) AS DeptCount FROM Employees;',
    'SELECT Employees',
  ],
  [
    'SELECT Id, Name FROM Customers UNION SELECT Id, Name FROM Suppliers ORDER BY Name;',
    'SELECT Id, Name FROM Customers UNION SELECT Id, Name FROM Suppliers ORDER BY Name;',
    'SELECT Customers Suppliers',
  ],
  ['CREATE DATABASE TestDb;', 'CREATE DATABASE TestDb;', 'CREATE DATABASE TestDb'],
  ['DROP DATABASE IF EXISTS TestDb;', 'DROP DATABASE IF EXISTS TestDb;', 'DROP DATABASE TestDb'],
  ['CREATE SCHEMA Reporting;', 'CREATE SCHEMA Reporting;', 'CREATE SCHEMA Reporting'],
  ['DROP SCHEMA IF EXISTS Reporting;', 'DROP SCHEMA IF EXISTS Reporting;', 'DROP SCHEMA Reporting'],
  [
    'CREATE SEQUENCE SalesSeq START WITH 1 INCREMENT BY 1;',
    'CREATE SEQUENCE SalesSeq START WITH ? INCREMENT BY ?;',
    'CREATE SEQUENCE SalesSeq',
  ],
  [
    'ALTER SEQUENCE SalesSeq RESTART WITH 100;',
    'ALTER SEQUENCE SalesSeq RESTART WITH ?;',
    'ALTER SEQUENCE SalesSeq',
  ],
  ['DROP SEQUENCE SalesSeq;', 'DROP SEQUENCE SalesSeq;', 'DROP SEQUENCE SalesSeq'],
  ['DROP FUNCTION dbo.GetTotal;', 'DROP FUNCTION dbo.GetTotal;', 'DROP FUNCTION dbo.GetTotal'],
  ['DROP USER IF EXISTS johndoe;', 'DROP USER IF EXISTS johndoe;', 'DROP USER johndoe'],
  ['CREATE ROLE app_admin;', 'CREATE ROLE app_admin;', 'CREATE ROLE app_admin'],
  ['DROP ROLE IF EXISTS app_admin;', 'DROP ROLE IF EXISTS app_admin;', 'DROP ROLE app_admin'],
  ['INSERT INTO T (A) VALUES (123)', 'INSERT INTO T (A) VALUES (?)', 'INSERT T'],
  ['SELECT (123) AS C;', 'SELECT (?) AS C;', 'SELECT'],
  [
    'CREATE TABLE T (A INT DEFAULT (123));',
    'CREATE TABLE T (A INT DEFAULT (?));',
    'CREATE TABLE T',
  ],
  ['SELECT ((123)) AS C;', 'SELECT ((?)) AS C;', 'SELECT'],
  ['SELECT ABS((123));', 'SELECT ABS((?));', 'SELECT'],
  [
    'SELECT * FROM T WHERE Amount BETWEEN (10) AND (20);',
    'SELECT * FROM T WHERE Amount BETWEEN (?) AND (?);',
    'SELECT T',
  ],
  [
    'SELECT * FROM T WHERE Id = COALESCE((123), 0);',
    'SELECT * FROM T WHERE Id = COALESCE((?), ?);',
    'SELECT T',
  ],
  ['SELECT CAST((123) AS INT);', 'SELECT CAST((?) AS INT);', 'SELECT'],
  [
    "SELECT * FROM t WHERE value IN (-123, .456, 'abc', 0.12, 1e10)",
    'SELECT * FROM t WHERE value IN (?, ?, ?, ?, ?)',
    'SELECT t',
  ],
  [
    'SELECT col -- end of line comment\nFROM /* block \n comment */ t',
    'SELECT col \nFROM  t',
    'SELECT t',
  ],
  [
    'SELECT * FROM songs, artists WHERE songs.artist_id = artists.id',
    'SELECT * FROM songs, artists WHERE songs.artist_id = artists.id',
    'SELECT songs artists',
  ],
];

/** Of the rest: what PostgreSQL would refuse, and what its text becomes. */
export const NOT_OF_POSTGRES: readonly (readonly [text: string, sanitized: string])[] = [
  ["SELECT { guid '01234567-89ab-cdef-0123-456789abcdef' }", 'SELECT ?'],
  ["CREATE USER johndoe WITH PASSWORD = 'password';", 'CREATE USER johndoe WITH PASSWORD = ?;'],
  ["EXEC sp_rename 'OldTable', 'NewTable';", 'EXEC sp_rename ?, ?;'],
  ['EXEC GetEmployeeById @EmployeeId = 42;', 'EXEC GetEmployeeById @EmployeeId = ?;'],
  ['SELECT TOP (10) * FROM Employees', 'SELECT TOP (?) * FROM Employees'],
  [
    "SELECT * FROM table WHERE value IN ('abc', 0xAB, .456,",
    'SELECT * FROM table WHERE value IN (?, ?, ?,',
  ],
  [
    "ALTER  TABLE MyTable 'mypassword' ADD 123 Name varchar(255)",
    'ALTER  TABLE MyTable ? ADD ? Name varchar(?)',
  ],
];
